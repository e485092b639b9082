import { defineConfig } from "vite";

// Relative addresses throughout: the folder works below any path of any file server.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/isthmus/explorer/page",
    emptyOutDir: true,
    license: { fileName: "licenses.md" }, // of the libraries that are bundled
    target: "es2022",
    assetsInlineLimit: 0, // data: addresses would need holes in the content security policy
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
