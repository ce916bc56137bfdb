-- Everything that was ever published, as it came. The audit-handler's own schema: it neither reads
-- nor writes the items, and nobody else writes here.

create schema audit;

create table audit.events (
    -- The name of the stream that stored the event.
    stream text not null,
    -- When that stream was created; a stream made anew counts from 1 again.
    stream_created timestamptz not null,
    -- The event's sequence in the stream.
    sequence bigint not null,
    -- Where it was published.
    subject text not null,
    -- Its id: its publisher's, or derived from where it is stored.
    event_id text not null,
    -- When it happened, as its publisher said.
    occurred_at timestamptz not null,
    -- When the broker stored it.
    stored_at timestamptz not null,
    -- Its body, byte for byte: an audit keeps also what cannot be read.
    payload bytea not null,
    -- When the row was written.
    recorded_at timestamptz not null default now(),

    constraint audit_events_pkey primary key (stream, stream_created, sequence),
    constraint audit_events_sequence_positive check (sequence > 0)
);

comment on table audit.events is 'Each event of the stream once, keyed by its position; written by audit-handler only.';
