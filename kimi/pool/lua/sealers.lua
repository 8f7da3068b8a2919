-- Who lives, with a word that he has sealed. Who has long been silent is forgotten.
-- ARGV: now, after how many milliseconds of silence one is forgotten, name and word of who lives ('': who only looks),
--       whose words are wanted: 'sealers', or 'sealers:refreshers' (none: nobody's). Gateways may be thousands, of which
--       each looks every few seconds, and none of them at the others.
-- Returns {name and word, …}, the latest last.

if ARGV[3] ~= '' then -- who only looks may do that while no writes are taken
  note_living(key('sealers'), ARGV[3], ARGV[2])
  if string.sub(ARGV[3], 1, 10) == 'refresher ' then note_living(key('sealers:refreshers'), ARGV[3], ARGV[2]) end
end
return ARGV[4] and living(key(ARGV[4]), ARGV[2]) or {}
