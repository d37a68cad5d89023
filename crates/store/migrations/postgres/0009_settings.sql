-- What belongs to an operation that does something once (a snapshot's name, where to move).
alter table operations add column errand text;

alter table instances add column wish_once text;
-- What is wanted besides size and name (tags, network, firewall, disks).
alter table instances add column settings text not null default '{}';
-- Settings that take effect at the next start.
alter table instances add column pending text not null default '[]';
alter table instances add column protected boolean not null default false;
alter table instances add column trashed_until bigint;

create index instances_trash on instances (trashed_until) where trashed_until is not null;

-- A machine can be held in memory. The word itself is checked where a row is read.
alter table instances drop constraint instances_wish_goal_check;
