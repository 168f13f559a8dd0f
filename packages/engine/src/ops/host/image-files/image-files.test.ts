import { describeRecorded } from "../testing/recorded-cases.js";
import { imageKernels } from "./kernels.js";

describeRecorded("image_files", imageKernels);
