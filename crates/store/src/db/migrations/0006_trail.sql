-- Every attempt of a call, as JSON, where there was more than one (docs/routing.md). Nearly all calls have none to tell.
ALTER TABLE usage_records ADD COLUMN trail TEXT;
