/** What every view is handed. */
import type { Actions } from "./actions";
import type { Data } from "./data";
import type { Store, Tab, View } from "./state";

export interface App {
  store: Store;
  data: Data;
  act: Actions;
  /** Say something in words, also to who listens instead of looking. */
  say: (text: string) => void;
  fail: (error: Error) => void;
}

export const NOTHING_SELECTED = "Nothing is selected: lasso some images on the map first";

/** Draw a tab when it is looked at and what it depends on has changed. */
export function drawn(app: App, tab: Tab, keys: (keyof View)[], draw: () => unknown): void {
  let stale = true;
  const check = (): void => {
    if (app.store.view.tab !== tab || !stale) return;
    stale = false;
    Promise.resolve()
      .then(draw)
      .catch(app.fail);
  };
  app.store.on([...keys, "bands"], () => {
    stale = true;
    check();
  });
  app.store.on(["tab"], check);
  check();
}
