"""Learning curves as pictures."""

from pathlib import Path

from marquee.evaluation.progress import learning_curve


def test_a_curve_is_drawn_the_same_each_time_and_another_one_otherwise(tmp_path: Path) -> None:
    for name, last in (("a", 1.25), ("b", 1.25), ("c", 1.75)):
        (tmp_path / "loss.csv").write_text(f"epoch,loss\n1,2.000000\n2,{last}\n", encoding="utf-8")
        curve = learning_curve.read(tmp_path / "loss.csv")
        learning_curve.draw(curve, "A model", "loss, nats", tmp_path / f"{name}.png")
    drawn, again, other = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert drawn.startswith(b"\x89PNG")
    assert drawn == again != other
