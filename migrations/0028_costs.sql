-- Why: an operator sees what an image cost at the provider and what was earned; refusals are told whole, and counted so that
-- abuse shows.
alter table images
  -- What the provider asked for it, in millionths of a US dollar; null where nobody knows.
  add column cost_microusd bigint,
  -- 'usage': from what the provider reported; 'catalogue': what the catalogue says at most.
  add column cost_source text,
  add column has_content_credentials boolean not null default false,
  add column digital_source_type text not null default 'trainedAlgorithmicMedia',
  add constraint images_cost_has_a_source check (
    (cost_microusd is null) = (cost_source is null) and cost_source in ('usage', 'catalogue')
  );
create index images_by_time on images (created_at);

-- What a safety system said of a generation that was refused: {"stage", "categories", "provider_request_id"}.
alter table generations add column refusal jsonb;

-- What was refused, by whom, and when: no prompt. Kept for 30 days.
create table refusals (
  id uuid constraint refusals_pk primary key,
  person_id uuid not null constraint refusals_person_fk references people on delete cascade,
  stage text not null,
  categories jsonb not null,
  generation_id uuid,
  request_id text not null,
  created_at timestamptz not null
);
create index refusals_by_person on refusals (person_id, created_at desc);
create index refusals_by_time on refusals (created_at);

-- Raised when a person is refused again and again: an operator looks at it.
create table flags (
  id uuid constraint flags_pk primary key,
  person_id uuid not null constraint flags_person_fk references people on delete cascade,
  kind text not null,
  -- Refusals in the window when it was raised, and since.
  refusals integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  closed_at timestamptz
);
create unique index flags_one_open on flags (person_id, kind) where closed_at is null;
create index flags_by_person on flags (person_id, kind, closed_at);

-- House only: nobody reads or writes what counts against somebody.
alter table refusals enable row level security;
alter table flags enable row level security;
