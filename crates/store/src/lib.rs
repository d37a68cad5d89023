//! Rows and transactions: one SQL code base over SQLite and PostgreSQL.
