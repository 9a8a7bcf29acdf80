-- What a rollout made of a call: NULL rollout: none was under way on its route. And what the guard saw when it decided.
ALTER TABLE calls ADD COLUMN rollout VARCHAR;
ALTER TABLE calls ADD COLUMN rollout_share DOUBLE;      -- the chance with which it was drawn; NULL: it was not
ALTER TABLE calls ADD COLUMN rollout_target VARCHAR;    -- who was drawn: the candidate, or NULL for the incumbent
ALTER TABLE calls ADD COLUMN rollout_stayed VARCHAR;    -- why it was not drawn and stayed with the incumbent
ALTER TABLE calls ADD COLUMN rollout_fallback VARCHAR;  -- why the incumbent answered in the candidate's place
ALTER TABLE rollout_events ADD COLUMN call_ids VARCHAR[];
ALTER TABLE rollout_events ADD COLUMN evidence VARCHAR; -- JSON
