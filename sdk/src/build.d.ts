/** Set by the build: the form with every automatic capture, and not only page views and `track`. */
declare const FULL: boolean;
/** Set by the build: a classic script, which its tag sets, and not a module. */
declare const SCRIPT: boolean;
/** Set by the build: the form that answers pages which were written for Fusionaly. */
declare const OLDER: boolean;
