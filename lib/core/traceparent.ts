/** A W3C traceparent of version 00: trace id, span id, flags. https://www.w3.org/TR/trace-context/#traceparent-header */
export const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
