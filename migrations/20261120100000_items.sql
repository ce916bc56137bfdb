-- The items, as the events of the stream have left them.
--
-- An item is a handful of registers. Each register has the position of the event that last wrote
-- it: a bigint that grows along the history of events (`events::Position`). An event writes its
-- register only where its position is greater, so events may arrive in any order and more than
-- once, and the row ends the same.

create table items (
    -- The item's identifier; its newitem event and every later event of it carry the same.
    item_id uuid not null,

    -- The position of the event that added the item: of several the first, the smallest. Null
    -- while only other events of the item have arrived; such a row is hidden.
    created_position bigint,
    -- The list that the item was added to. Names are only ever compared for equality, and an index
    -- in a language's order would break when the system's idea of that language changes.
    list text collate "C",
    -- When it was added.
    added_at timestamptz,

    -- What there is to do: the latest new text, else the one that the item was added with.
    item text,
    -- The position of the latest renaming; null while the text is the one it was added with.
    item_position bigint,

    -- The item's place in its list, smaller first: the latest it was moved to, else its first.
    "order" double precision,
    -- The position of the latest move; null while the place is the first.
    order_position bigint,

    -- Whether it is done.
    completed boolean not null,
    -- The position of the latest event that completed or reopened it; null before the first.
    completed_position bigint,

    -- Whether it is gone. The row stays as a tombstone: without it a late event would revive it.
    deleted boolean not null,
    -- The position of the latest event that deleted it; null before the first.
    deleted_position bigint,

    -- How many statements have changed a register of the item.
    version bigint not null,
    -- Whether the statement that last touched the row changed a register. It is there for that
    -- statement's own answer, which has no other way of telling a change from a repetition.
    changed boolean not null,

    constraint items_pkey primary key (item_id),
    constraint items_created_whole check (
        (created_position is null) = (list is null)
        and (created_position is null) = (added_at is null)
    ),
    constraint items_item_known check (
        (item is null) = (created_position is null and item_position is null)
    ),
    constraint items_order_known check (
        ("order" is null) = (created_position is null and order_position is null)
    ),
    -- A character takes up to four bytes. The exact limits of 64 and 256 characters are held where
    -- the texts come in; counting characters here would make every insert a tenth slower.
    constraint items_list_length check (octet_length(list) between 1 and 256),
    constraint items_item_length check (octet_length(item) between 1 and 1024),
    -- A float may be infinite or not a number, which sorts above infinity. A place may not.
    constraint items_order_finite check ("order" > '-infinity' and "order" < 'infinity'),
    -- The years that a time on the wire (RFC 3339) can have.
    constraint items_added_at_years check (
        added_at >= '0001-01-01 00:00:00+00' and added_at < '10000-01-01 00:00:00+00'
    ),
    constraint items_version_positive check (version > 0)
)
-- Items are changed after they were added. With room left on its page a changed row needs no new
-- entries in the indexes, unless it moved, which halves the price of a change.
with (fillfactor = 85);

comment on table items is 'What there is to do, as the events have left it; written by save-handler only.';

-- One list in order, page by page, without looking at other lists or at what is hidden. Whether an
-- item is completed stays out of it: that changes often, and would change the index each time.
create index items_listing on items (list, "order", item_id)
where created_position is not null and not deleted;
