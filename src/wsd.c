/* SPDX-License-Identifier: MIT */
/* The daemon's command line. */
int
main(void)
{
	return 0;
}
