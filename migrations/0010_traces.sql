-- Why: a generation runs later and in any process; with this its run is part of the trace of the request that asked for it.
-- W3C traceparent; null where nobody traces. Names no person.
alter table generations add column traceparent text
  constraint generations_traceparent_length check (length(traceparent) <= 55);
