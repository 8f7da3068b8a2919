-- One client key.
-- ARGV: now, id
-- Returns {"ok", row} (see client_row), or {} where there is none.

local row = client_row(ARGV[2])
return row and {'ok', row} or {}
