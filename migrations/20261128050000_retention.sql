-- What is kept no longer than somebody wants is removed by `setup`, and by no service.

-- By age, of a table that grows at its end: a summary of its pages is enough, and costs what is written next to nothing.
create index audit_events_stored on audit.events using brin (stored_at) with (autosummarize = on);

-- How far the stream of events was, and when. A row of the items has positions and no times; this tells their age.
create table positions_seen (
    -- The position of the newest event then.
    position bigint not null,
    -- When that was, by the clock of whoever looked.
    seen_at timestamptz not null,

    constraint positions_seen_pkey primary key (position)
);

comment on table positions_seen is 'How far the stream of events was, about once a day; written by setup only.';
