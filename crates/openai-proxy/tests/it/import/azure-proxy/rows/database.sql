CREATE TABLE instances (name TEXT PRIMARY KEY, config TEXT, state TEXT, updated_at TEXT, version INTEGER DEFAULT 7);
INSERT INTO instances (name, config, state, updated_at) VALUES
 ('east', '{"provider_type": "azure", "api_base": "https://east.openai.azure.com", "api_key": "canary-east", "priority": 5, "model_deployments": {"gpt-4o": "dep"}}', '{"status": "error", "error_count": 9}', '2024-06-15'),
 ('all', '{"api_base": "https://reserved.example"}', NULL, NULL),
('back', '{"enabled": true, "priority": 3}', NULL, NULL),
 ('off', '{"api_base": "https://off.example", "api_key": "canary-off", "enabled": false}', NULL, NULL);
CREATE TABLE instance_history (id INTEGER, instance_name TEXT, version INTEGER, config TEXT);
INSERT INTO instance_history VALUES (1, 'east', 1, '{"api_base": "https://old.example"}'), (2, 'east', 2, '{"api_base": "https://older.example"}'), (3, 'gone', 1, '{"api_base": "https://gone.example"}');
CREATE TABLE users (name TEXT, password TEXT);
INSERT INTO users VALUES ('canary-user', 'canary-password');
