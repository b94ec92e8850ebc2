/** The pages, in the order of the navigation, and the key that leads to each after `g`. */
export const PAGES = [
  { name: "overview", label: "Overview", key: "o", icon: "overview" },
  { name: "jobs", label: "Jobs", key: "j", icon: "jobs" },
  { name: "failures", label: "Failures", key: "f", icon: "failures" },
  { name: "dead", label: "Dead", key: "d", icon: "grave" },
  { name: "queues", label: "Queues", key: "q", icon: "queues" },
  { name: "schedules", label: "Schedules", key: "s", icon: "schedules" },
  { name: "running", label: "Running", key: "w", icon: "workers" },
  { name: "settings", label: "Settings", key: "e", icon: "settings" },
] as const;

export type PageName = (typeof PAGES)[number]["name"];
