/** Rows of jobs as the database gives them, for tests of what the API makes of them. */
export const ID = "019ab000-0000-7000-8000-00000000000a";
export const OTHER = "019ab000-0000-7000-8000-000000000001";
export const LEASE = "019ab000-0000-7000-8000-0000000000ff";
const AT = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));

export const FINISHED = {
  id: ID,
  type: "send_email",
  queue: "emails",
  state: "completed",
  priority: 5,
  payload: { email: "test@example.com" },
  metadata: {},
  uniqueKey: null,
  attempt: 2,
  maxAttempts: 8,
  progress: null,
  createdAt: AT(0),
  runAt: AT(1),
  startedAt: AT(2),
  finishedAt: AT(3),
  result: { message_id: "m" },
  error: null,
  life: 1,
  leaseId: LEASE,
};

export const FAILED = {
  jobId: ID,
  life: 1,
  number: 1,
  outcome: "retry",
  leaseId: LEASE,
  beganAt: AT(0),
  endedAt: AT(1),
  error: { name: "Error", message: "no" },
};

export const LIVE = {
  ...FINISHED,
  id: OTHER,
  state: "pending",
  startedAt: null,
  finishedAt: null,
  result: null,
  attempt: 0,
  leaseId: null,
};
