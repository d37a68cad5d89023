-- Every few seconds it is asked which instances should run again; that must not read all of them.
-- SQLite uses a partial index only where the query says the same words.
drop index instances_resumes;
create index instances_resumes on instances (id) where resumes;
