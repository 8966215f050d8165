CREATE TABLE versions (instance_name TEXT, version INTEGER, config TEXT);
INSERT INTO versions VALUES
 ('east', 1, '{"api_base": "https://one.example", "api_key": "canary-1"}'),
 ('east', 3, '{"api_base": "https://three.example", "api_key": "canary-3", "provider_type": "generic"}'),
 ('east', 2, '{"api_base": "https://two.example", "api_key": "canary-2"}');
