-- Who may do what in the database. `setup` runs this at every start, after the migrations and as their
-- owner; repeating it changes nothing. Each service logs in by its own name. Nobody but the owner
-- owns anything, and nobody gets anything by being able to connect.
--
-- A group with tables of its own adds its role here, and what it may do.

-- Two at a time would get into each other's way.
select pg_advisory_xact_lock(hashtext('roles of the todo services'));

do $$
declare
    service name;
begin
    foreach service in array array['todo-web', 'todo-api', 'save-handler', 'audit-handler'] loop
        if not exists (select from pg_roles where rolname = service) then
            execute format('create role %I', service);
        end if;
        execute format('alter role %I login', service);
        execute format('grant connect on database %I to %I', current_database(), service);
    end loop;
    -- By default whoever can connect may make temporary tables.
    execute format('revoke all on database %I from public', current_database());
end
$$;

revoke all on schema public from public;

-- The page and the API read the items.
grant usage on schema public to "todo-web", "todo-api";
grant select on items to "todo-web", "todo-api";

-- The page shows what happened to an item, of which the audit has more than the page may see.
grant usage on schema audit to "todo-web";
grant select on audit.item_history to "todo-web";

-- The savers write them. An item that is deleted leaves a tombstone, so nobody deletes rows.
grant usage on schema public to "save-handler";
grant select, insert, update on items to "save-handler";

-- The audit adds to what is written down, and changes nothing of it.
grant usage on schema audit to "audit-handler";
grant select, insert on audit.events to "audit-handler";
