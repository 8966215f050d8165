-- Everything was removed; the table of single instances never forgets.
CREATE TABLE instances (id INTEGER PRIMARY KEY, name TEXT, data TEXT, is_active INTEGER DEFAULT 1);
CREATE TABLE instance_versions (id INTEGER PRIMARY KEY, version_id TEXT, timestamp REAL, data TEXT);
CREATE TABLE current_version (id INTEGER PRIMARY KEY, version_id TEXT);
INSERT INTO instances (name, data) VALUES ('gone', '{"name": "gone", "api_base": "https://gone.example", "api_key": "canary-gone"}');
INSERT INTO instance_versions (version_id, timestamp, data) VALUES
 ('v-1', 1.0, '[{"name": "gone", "api_base": "https://gone.example", "api_key": "canary-gone"}]'),
 ('v-2', 2.0, '[]');
INSERT INTO current_version VALUES (1, 'v-2');
