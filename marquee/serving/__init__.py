"""From trained models to an answer: export, index, recommender, service, packaging."""
