/** A picture for those who have none at hand: a landscape, drawn here, never the same twice. */

const WIDTH = 640;
const HEIGHT = 480;

/** Draws a picture and encodes it as JPEG. */
export async function drawSample(random: () => number = Math.random): Promise<File> {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("The browser gives no drawing context");
  const hue = Math.floor(360 * random());
  drawSky(context, hue, random);
  for (let layer = 0; layer < 4; layer++) drawHills(context, hue, layer, random);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  if (blob === null) throw new Error("The browser can't encode a picture");
  return new File([blob], "drawn.jpg", { type: "image/jpeg" });
}

function drawSky(context: CanvasRenderingContext2D, hue: number, random: () => number): void {
  const sky = context.createLinearGradient(0, 0, 0, HEIGHT);
  sky.addColorStop(0, `hsl(${hue} 55% 42%)`);
  sky.addColorStop(0.75, `hsl(${hue + 40} 80% 82%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = `hsl(${hue + 50} 95% 92%)`;
  context.beginPath();
  context.arc(WIDTH * (0.2 + 0.6 * random()), HEIGHT * (0.2 + 0.2 * random()), 46, 0, 2 * Math.PI);
  context.fill();
}

/** @param layer 0 is the furthest */
function drawHills(
  context: CanvasRenderingContext2D,
  hue: number,
  layer: number,
  random: () => number,
): void {
  const base = HEIGHT * (0.55 + 0.12 * layer);
  const waves = Array.from({ length: 4 }, (_, k) => ({
    height: (34 - 5 * layer) / (k + 1),
    length: WIDTH / (0.7 + k * 1.6),
    phase: 2 * Math.PI * random(),
  }));
  context.fillStyle = `hsl(${hue + 20 - 12 * layer} ${30 + 6 * layer}% ${58 - 13 * layer}%)`;
  context.beginPath();
  context.moveTo(0, HEIGHT);
  for (let x = 0; x <= WIDTH; x += 4) {
    const rise = waves.reduce(
      (sum, { height, length, phase }) => sum + height * Math.sin((2 * Math.PI * x) / length + phase),
      0,
    );
    context.lineTo(x, base - rise);
  }
  context.lineTo(WIDTH, HEIGHT);
  context.fill();
}
