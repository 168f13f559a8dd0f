/** The field one draws on: strokes from pen, finger or mouse, undone one by one, and what they amount to in pixels. */
import type { Drawing } from "./mnist-image.js";

/** A place on the board, from 0 to 1 from its left and upper edge. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** Width of the pen, of the board's width. */
const PEN = 0.075;
/** Side of the drawing that is read out, in pixels: enough for 20 pixels of a small digit. */
const READ_SIZE = 280;

export class DrawingBoard {
  private readonly strokes: Place[][] = [];
  private pointer: number | undefined;

  /** @param onChange called after every change of the drawing */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onChange: () => void,
  ) {
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, () => {
        this.pointer = undefined;
      });
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  get isEmpty(): boolean {
    return this.strokes.length === 0;
  }

  clear(): void {
    this.strokes.length = 0;
    this.changed();
  }

  undo(): void {
    this.strokes.pop();
    this.changed();
  }

  /** Begins a stroke. */
  penDown(place: Place): void {
    this.strokes.push([place]);
    this.changed();
  }

  /** Draws on from where the pen is. */
  penTo(...places: readonly Place[]): void {
    this.strokes.at(-1)?.push(...places);
    this.changed();
  }

  /** The drawing in pixels. */
  read(): Drawing {
    const canvas = new OffscreenCanvas(READ_SIZE, READ_SIZE);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) throw new Error("The browser gives no drawing context");
    drawStrokes(context, this.strokes, READ_SIZE);
    const { data } = context.getImageData(0, 0, READ_SIZE, READ_SIZE);
    const ink = Uint8Array.from({ length: READ_SIZE * READ_SIZE }, (_, i) => data[4 * i + 3] ?? 0);
    return { width: READ_SIZE, height: READ_SIZE, ink };
  }

  private begin(event: PointerEvent): void {
    if (this.pointer !== undefined || event.button !== 0) return;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.penDown(this.placeOf(event));
  }

  private move(event: PointerEvent): void {
    if (event.pointerId !== this.pointer) return;
    // A quick hand moves further between two frames than a smooth line allows: take all that was between.
    const between = event.getCoalescedEvents();
    this.penTo(...(between.length > 0 ? between : [event]).map((each) => this.placeOf(each)));
  }

  private placeOf({ clientX, clientY }: PointerEvent): Place {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  private changed(): void {
    this.paint();
    this.onChange();
  }

  private paint(): void {
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const color = getComputedStyle(this.canvas).color;
    drawStrokes(context, this.strokes, this.canvas.width, color);
  }
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Lines through the middles between places, bent at the places: smooth without following less than was drawn. */
function drawStrokes(context: Context, strokes: readonly Place[][], size: number, color = "#000"): void {
  context.lineWidth = PEN * size;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = color;
  for (const stroke of strokes) {
    const [first, ...rest] = stroke;
    if (first === undefined) continue;
    context.beginPath();
    context.moveTo(first.x * size, first.y * size);
    let last = first;
    for (const place of rest) {
      const [middleX, middleY] = [(last.x + place.x) / 2, (last.y + place.y) / 2];
      context.quadraticCurveTo(last.x * size, last.y * size, middleX * size, middleY * size);
      last = place;
    }
    context.lineTo(last.x * size, last.y * size);
    context.stroke();
  }
}
