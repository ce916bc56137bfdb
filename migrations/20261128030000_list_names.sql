-- A list has one name, however it is written, that shows something and can stand in an address. Earlier
-- versions took others. Their items go on under a name by which they can be reached: the composed form of
-- the old one (NFC); `(.)` and `(..)` for `.` and `..`; `(blank)` for those of which nothing can be seen.
-- Such names are rare, and nothing else is touched. The version grows, so that whoever has a copy of the
-- item sees that it has changed.

do $$
begin
    -- Only there is a composed form. What cannot be written in another encoding is not there anyway.
    if getdatabaseencoding() <> 'UTF8' then
        return;
    end if;

    update items
    set list = renamed.list, version = items.version + 1
    from (
        select
            item_id,
            case
                when list in ('.', '..') then '(' || list || ')'
                when list ~ '^[\s\u0085\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]+$'
                    then '(blank)'
                else normalize(list, NFC)
            end as list
        from items
        -- Of the names in ASCII only these two can be at fault, and most names are.
        where list in ('.', '..') or octet_length(list) > char_length(list)
    ) as renamed
    where renamed.item_id = items.item_id
        and renamed.list <> items.list
        -- A few names grow by being composed. One that does not fit then stays as it is.
        and octet_length(renamed.list) <= 256;
end
$$;
