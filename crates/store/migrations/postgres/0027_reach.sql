-- Which host an instance waits for, and what people enter to reach a service.

alter table instances add column awaits uuid references hosts (id) on delete set null;
alter table services add column join_address text;
