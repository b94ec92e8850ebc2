/** Strokes of 16 px, drawn for this page. They are decoration: a word always stands beside them. */
const PATHS = {
  scheduled: "M8 4.5V8l2.3 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z",
  pending: "M4 3h8M4 13h8M5 3v2.2L8 8l3-2.8V3M5 13v-2.2L8 8l3 2.8V13",
  leased: "M5.5 7V5.2a2.5 2.5 0 0 1 5 0V7M4 7h8v6H4z",
  running: "M5 3.2l7.4 4.8L5 12.8z",
  completed: "M3.5 8.4 6.6 11.5 12.5 4.8",
  dead: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  cancelled: "M3.8 3.8l8.4 8.4M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z",
  overview: "M2.5 9.5h3.2L7.4 4l2.4 8 1.6-4h2.1",
  jobs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  failures: "M8 5.2v3.4M8 11v.1M8 1.8 14.6 13.4H1.4z",
  grave: "M4 13.5V6a4 4 0 0 1 8 0v7.5M2.5 13.5h11M8 5v4M6.3 6.6h3.4",
  queues: "M2.5 3.5h11v3h-11zM2.5 9.5h11v3h-11z",
  schedules: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.2v3M10.5 2.2v3",
  workers: "M5 5h6v6H5zM6.5 2v3M9.5 2v3M6.5 11v3M9.5 11v3M2 6.5h3M2 9.5h3M11 6.5h3M11 9.5h3",
  settings: "M2.5 5h6M12 5h1.5M2.5 11h1.5M7.5 11h6M10.3 3.3v3.4M5.8 9.3v3.4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5V2.5h8v8h-3M2.5 5.5h8v8h-8z",
  retry: "M13.5 8A5.5 5.5 0 1 1 11.6 3.8M11.8 1.2v2.9H8.9",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3l8 5-8 5z",
  theme: "M13.2 9.6A5.8 5.8 0 0 1 6.4 2.8a5.8 5.8 0 1 0 6.8 6.8Z",
  trash: "M3 4.5h10M6.2 4.5V3h3.6v1.5M4.3 4.5l.6 8.5h6.2l.6-8.5",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);

export const Brand = ({ children }: { readonly children: preact.ComponentChildren }) => (
  <div class="brand">
    <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path d="M3 7h13a5 5 0 0 0 5 5h-6v3l3 4H6l3-4v-2.5A9 9 0 0 1 3 7Z" />
    </svg>
    {children}
  </div>
);
