-- Instances can be given another size.

-- Which words there are is checked wherever a row is read. Lists of them in here would have to be changed for each new
-- verb.
alter table operations drop constraint if exists operations_verb_check;
alter table instances drop constraint if exists instances_operation_verb_check;
alter table operation_steps drop constraint if exists operation_steps_act_check;
alter table events drop constraint if exists events_subject_check;

alter table instances add column wish_refit boolean not null default false;
-- The size and plan before, while another size is on its way.
alter table instances add column resize_from text;
