"""How the sweeps and the training went, in pictures: what only draw_training reads."""
