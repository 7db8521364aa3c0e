// Which movies of an answer somebody had before their eyes: each is told once per answer.

const ENOUGH = 0.5; // of a card within the window

let observer; // of the answer that is shown now

/** Call `seen(element)` for each of these elements that comes into sight, now or by scrolling, until the next answer. */
export function watch(elements, seen) {
  observer?.disconnect();
  const current = (observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || current !== observer) continue;
        current.unobserve(target);
        seen(target);
      }
    },
    { threshold: ENOUGH },
  ));
  for (const element of elements) current.observe(element);
}
