CREATE TABLE instances (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, data TEXT NOT NULL, is_active INTEGER DEFAULT 1, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE TABLE instance_versions (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id TEXT NOT NULL, worker_id TEXT NOT NULL, timestamp REAL NOT NULL, data TEXT NOT NULL, comment TEXT);
CREATE TABLE current_version (id INTEGER PRIMARY KEY CHECK (id = 1), version_id TEXT NOT NULL, timestamp REAL NOT NULL);
-- Removed long ago, and never taken out of this table.
INSERT INTO instances (name, data, created_at, updated_at) VALUES ('north', '{"name": "north", "api_base": "https://north.example", "api_key": "canary-north"}', 1, 1);
INSERT INTO instance_versions (version_id, worker_id, timestamp, data) VALUES
 ('v-1', 'w-1', 1718452801.0, '[{"name": "east", "priority": 1}]'),
 ('v-2', 'w-1', 1718452802.0, '[{"name": "east", "priority": 90, "proxy_url": "http://user:canary-proxy@proxy:1000", "timeout_seconds": 60.0, "max_input_tokens": 0, "supported_models": ["gpt-4o", "gpt-4o-2024-11-20"], "model_deployments": {"gpt-4o": "gpt4o", "gpt-4o-2024-11-20": "gpt4o-november", "gpt-4": "old"}, "status": "healthy", "error_count": 0}]'),
 ('v-3', 'w-1', 1718452803.0, '[{"name": "east", "priority": 7}]');
-- Rolled back: the newest is not the one that counts.
INSERT INTO current_version VALUES (1, 'v-2', 1718452804.0);
