// Every trace, or none.

import { SAMPLER_PARAM, SAMPLER_TYPE, type Sampler, type SamplerTags } from "../sampler.ts";

export class ConstSampler implements Sampler {
  readonly name = "ConstSampler";
  readonly decision: boolean;

  constructor(decision: boolean) {
    this.decision = decision;
  }

  isSampled(_operation: string, tags: SamplerTags): boolean {
    if (this.decision) {
      tags[SAMPLER_TYPE] = "const";
      tags[SAMPLER_PARAM] = true;
    }
    return this.decision;
  }

  close(callback?: () => void): void {
    callback?.();
  }

  toString(): string {
    return `${this.name}(${this.decision ? "always" : "never"})`;
  }

  equal(other: Sampler): boolean {
    return other instanceof ConstSampler && other.decision === this.decision;
  }
}
