"""Whose data each source holds, what may be done with it and how to cite it: written into the manifest."""

MOVIELENS = {
    "data": "MovieLens ratings",
    "holder": "GroupLens Research, University of Minnesota",
    "licence": (
        "Research use; acknowledge by citation; no commercial or revenue-bearing use without permission; no "
        "endorsement to be implied; redistribution as the README inside the archive says"
    ),
    "citation": (
        "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
        "ACM Transactions on Interactive Intelligent Systems (TiiS) 5, 4: 19:1-19:19. "
        "https://doi.org/10.1145/2827872"
    ),
}
TMDB = {
    "data": "TMDB metadata",
    "holder": "The Movie Database (TMDB)",
    "licence": "TMDB's API terms of use: non-commercial use with attribution",
    "citation": "This product uses the TMDB API but is not endorsed or certified by TMDB.",
}
SAMPLE = {
    "data": "Marquee's sample: real films, simulated people",
    "holder": "Marquee",
    "licence": "MIT, as the code",
    "citation": "Simulated ratings by Marquee's sample; not the ratings of real people.",
}
FEEDBACK = {
    "data": "ratings that visitors gave to this service",
    "holder": "whoever runs the service",
    "licence": "as its visitors agreed to",
    "citation": "",
}
OWN = {
    "data": "ratings from a folder of the user's own",
    "holder": "the user",
    "licence": "as the user has them",
    "citation": "",
}
