/** Latest wins: while one piece of work runs, only the newest of what else is asked for waits. */
export function latest<A, R>(
  work: (asked: A) => Promise<R>,
  done: (result: R, asked: A) => void,
  failed: (error: Error) => void,
): (asked: A) => void {
  let busy = false;
  let next: { asked: A } | null = null;

  async function run(asked: A): Promise<void> {
    busy = true;
    try {
      done(await work(asked), asked);
    } catch (error) {
      failed(error as Error);
    }
    busy = false;
    const following = next;
    next = null;
    if (following) void run(following.asked);
  }

  return (asked) => {
    if (busy) next = { asked };
    else void run(asked);
  };
}
