/**
 * Every seed that ever failed, run again with each test run. A later change of the simulation gives a seed another course: the
 * regression tests in src's own suites, named after the symptoms, are what keeps a mended fault from coming back.
 */
export const failedSeeds: readonly number[] = [
  123, 439, 1068, 1375, 1491, 3108, 4156, 4223, 4236, 4397, 4532, 5002, 200_221, 300_640, 1_003_956, 1_005_874,
]
