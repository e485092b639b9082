/** Keep the promise of every key; failures are forgotten, so that they can be tried again. */
export function once<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (key) => {
    let value = kept.get(key);
    if (!value) {
      value = make(key);
      kept.set(key, value);
      value.catch(() => kept.delete(key));
    }
    return value;
  };
}
