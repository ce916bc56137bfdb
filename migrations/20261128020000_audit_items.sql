-- Which item an event is about, so that the history of one item can be shown without reading everything.
-- The audit-handler writes it down with the event; one of an earlier version leaves it out.

alter table audit.events
    -- The item; null if the event is none that can be read.
    add column item_id uuid;

-- What was written down before: the body of each event that the page, the API and the savers publish
-- begins with the item's identifier. What others published stays without. The beginning of a body is
-- looked at byte for byte, since it may be no text.
update audit.events
set item_id = substring(encode(substring(payload for 44), 'escape') from 8 for 36)::uuid
where encode(substring(payload for 44), 'escape')
    ~ '^\{"id":"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"$';

create index audit_events_of_item on audit.events (item_id, stream_created, sequence)
where item_id is not null;

-- What the page may see of the audit: what happened to an item and when, and no texts.
create view audit.item_history as
select item_id, stream_created, sequence, subject, occurred_at
from audit.events
where item_id is not null;

comment on view audit.item_history is 'What happened to each item; read by todo-web.';
