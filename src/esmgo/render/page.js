"use strict";
// Lets the reader move and zoom the picture.
(() => {
  const at = (id) => document.getElementById(id);
  const stage = at("stage");
  const svg = stage.querySelector("svg");
  const whole = svg.viewBox.baseVal;
  const home = { x: whole.x, y: whole.y, w: whole.width, h: whole.height };
  let view = { ...home };
  const set = () => svg.setAttribute("viewBox", [view.x, view.y, view.w, view.h].join(" "));
  // Picture units per screen pixel: the picture is fitted into the stage and centred.
  const unit = () => {
    const box = svg.getBoundingClientRect();
    return { box, size: Math.max(view.w / box.width, view.h / box.height) };
  };
  const zoom = (factor, px, py) => {
    const { box, size } = unit();
    const cx = px === undefined ? 0 : (px - box.left - box.width / 2) * size;
    const cy = py === undefined ? 0 : (py - box.top - box.height / 2) * size;
    const f = Math.min(Math.max(view.w * factor, home.w / 40), home.w * 2) / view.w;
    view.x += view.w / 2 + cx - (view.w * f) / 2 - cx * f;
    view.y += view.h / 2 + cy - (view.h * f) / 2 - cy * f;
    view.w *= f;
    view.h *= f;
    set();
  };
  const move = (dx, dy) => {
    const { size } = unit();
    view.x -= dx * size;
    view.y -= dy * size;
    set();
  };
  const reset = () => {
    view = { ...home };
    set();
  };

  const fingers = new Map();
  let moved = 0;
  const isActive = () => stage.classList.contains("active");
  const activate = (on) => {
    stage.classList.toggle("active", on);
    at("hint").textContent = on
      ? "Drag to move, turn the wheel to zoom. Esc gives the wheel back to the page."
      : "Drag to move. Click the picture to zoom with the wheel.";
  };
  stage.addEventListener("wheel", (event) => {
    if (!isActive()) return; // the page scrolls
    event.preventDefault();
    zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    if (fingers.size === 0) moved = 0;
    if (event.pointerType === "mouse" || isActive())
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  window.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [x, y] = [event.clientX, event.clientY];
    moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    if (fingers.size === 1) move(x - before[0], y - before[1]);
    else {
      const [ox, oy] = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const far = Math.hypot(x - ox, y - oy) || 1;
      zoom(Math.hypot(before[0] - ox, before[1] - oy) / far, (x + ox) / 2, (y + oy) / 2);
    }
    fingers.set(event.pointerId, [x, y]);
  });
  for (const end of ["pointerup", "pointercancel"])
    window.addEventListener(end, (event) => fingers.delete(event.pointerId));
  document.addEventListener("click", (event) => activate(stage.contains(event.target)));
  document.addEventListener("keydown", (event) => event.key === "Escape" && activate(false));
  // The end of a drag is not a click on the term under the pointer.
  stage.addEventListener("click", (event) => moved > 5 && event.preventDefault(), true);
  stage.addEventListener("dragstart", (event) => event.preventDefault());
  stage.addEventListener("keydown", (event) => {
    const keys = {
      "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25), 0: reset,
      ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
      ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
    };
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  at("closer").addEventListener("click", () => zoom(0.7));
  at("further").addEventListener("click", () => zoom(1 / 0.7));
  at("whole").addEventListener("click", reset);
})();
