CREATE TABLE instance_config (instance_name TEXT, provider_type TEXT, api_base TEXT, api_key TEXT, api_version TEXT, priority TEXT, max_tpm INTEGER, supported_models TEXT, enabled INTEGER, color TEXT);
INSERT INTO instance_config VALUES ('east', 'azure', 'https://east.openai.azure.com', 'canary-east', '2024-10-21', '40', 1000, '["gpt-4o", "gpt-4o-2024-11-20"]', 1, 'red');
INSERT INTO instance_config VALUES ('west', 'azure', 'https://west.openai.azure.com', 'canary-west', NULL, 'high', -5, '[1, 2]', 1, NULL);
CREATE TABLE instance_settings (instance TEXT, key TEXT, value TEXT);
INSERT INTO instance_settings VALUES ('east', 'weight', '30'), ('east', 'model_deployments', '{"gpt-4o": "a", "gpt-4o-2024-11-20": "b"}');
CREATE TABLE instance_state (instance_name TEXT, status TEXT, error_count INTEGER);
INSERT INTO instance_state VALUES ('east', 'error', 3);
