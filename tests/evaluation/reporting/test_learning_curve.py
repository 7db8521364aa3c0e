from marquee.evaluation.reporting import learning_curve


def test_the_curve_counts_epochs_from_one_and_is_drawn_the_same_each_time(tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        learning_curve.write([2.0, 1.25], "A model", "loss, nats", folder)
    assert (tmp_path / "a" / "loss.csv").read_text() == "epoch,loss\n1,2.000000\n2,1.250000\n"
    drawn = (tmp_path / "a" / "loss.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert drawn == (tmp_path / "b" / "loss.png").read_bytes()
