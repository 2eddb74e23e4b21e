// How charged is this phone? Told to the hub, which asks a weak phone for fewer reports. Only some browsers say.

const STEP_PCT = 5;

/** @param {import("./fix_sender.js").FixSender} sender */
export async function tellBattery(sender) {
  const battery = await /** @type {any} */ (navigator).getBattery?.().catch(() => null);
  if (!battery) return;
  let told = "";
  const tell = (isNew = false) => {
    const percent = Math.floor((battery.level * 100) / STEP_PCT) * STEP_PCT;
    const now = `${percent} ${battery.charging}`;
    if (now === told && !isNew) return;
    told = now;
    sender.tell({ battery_pct: percent, charging: battery.charging });
  };
  for (const change of ["levelchange", "chargingchange"]) battery.addEventListener(change, () => tell());
  sender.addEventListener("welcome", () => tell(true));
  tell(true);
}
