-- Instances can be given another size.

-- Which words there are is checked wherever a row is read. Lists of them in here would have to be rebuilt, with their
-- tables, for each new verb. Taking a check away leaves every row as it is, so the text of the table may be edited.
pragma writable_schema = on;
update sqlite_master
set sql = replace(replace(replace(replace(sql,
    'verb in (''create'', ''start'', ''shutdown'', ''stop'', ''reboot'', ''delete'')', 'verb <> '''''),
    'act in (''create'', ''configure'', ''grow'', ''start'', ''shutdown'', ''stop'', ''resume'', ''reboot'', ''delete'')', 'act <> '''''),
    'subject in (''instance'', ''operation'', ''cluster'')', 'subject <> '''''),
    'subject in (''instance'', ''operation'', ''cluster'', ''project'')', 'subject <> ''''')
where type = 'table' and name in ('instances', 'operations', 'operation_steps', 'events');
pragma writable_schema = reset;

alter table instances add column wish_refit integer not null default 0 check (wish_refit in (0, 1));
-- The size and plan before, while another size is on its way.
alter table instances add column resize_from text;
