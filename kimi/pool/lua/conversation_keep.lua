-- Keeps a conversation that can be continued.
-- ARGV: now, and what `keep_conversation` takes

keep_conversation(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return 1
