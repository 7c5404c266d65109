const $ = (id) => document.getElementById(id);
let version = "";

async function state(method, path) {
  const answer = await fetch(path, { method });
  const value = await answer.json();
  if (!answer.ok) { $("what").textContent = `${value.error}: ${value.hint}`; return; }
  $("title").textContent = value.file;
  $("what").textContent = value.what;
  $("newest").hidden = value.whole === true;
  if (value.version && value.version !== version) {
    const at = $("film").currentTime;
    version = value.version;
    $("film").src = `film?v=${encodeURIComponent(version)}`;
    $("film").currentTime = at;
  }
}

$("newest").addEventListener("click", async () => {
  $("newest").disabled = true;
  $("what").textContent = "putting together what is finished";
  await state("POST", "newest");
  $("newest").disabled = false;
});
$("whole").addEventListener("click", () => $("film").requestFullscreen?.());
await state("GET", "state");
