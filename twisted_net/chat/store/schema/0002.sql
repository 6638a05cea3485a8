-- Rooms that outlive their last member: with their bans, each as `core.kept` writes it.
CREATE TABLE room (
    folded TEXT PRIMARY KEY,
    founder TEXT NOT NULL COLLATE NOCASE,
    record TEXT NOT NULL
);
