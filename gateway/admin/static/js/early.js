// Before the first paint, so that a chosen theme or language never flashes the other one. Not a module: those run later.
{
  const theme = localStorage.getItem("kimi-admin.theme");
  if (theme) document.documentElement.dataset.theme = theme;
  const language = localStorage.getItem("kimi-admin.language") ?? navigator.language;
  document.documentElement.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}
