import { defineConfig } from "vite";

// One page with relative addresses, so that it works behind any prefix.
export default defineConfig({
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    sourcemap: false,
    chunkSizeWarningLimit: 8192,
  },
  worker: { format: "es" },
});
