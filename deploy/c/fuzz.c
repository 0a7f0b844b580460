/* Reads whatever it is given as JSON: for libFuzzer, and for files without it. */
#include "camswarm.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[16], *s = malloc(size + 1);
	if (s == NULL)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	if (camswarm_json_valid(s, size)) {
		camswarm_json_text(s, "a", out, sizeof out);
		camswarm_json_text(s, "a[1].b", out, sizeof out);
		camswarm_json_text(s, "[0]", out, 1);
		camswarm_json_int(s, "b[0][1]", 0);
		camswarm_json_int(s, "", 0);
	}
	free(s);
	return 0;
}

#ifdef FUZZ_FILES
int main(int argc, char **argv)
{
	static uint8_t buf[1 << 16];
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (f == NULL)
			return 1;
		size_t n = fread(buf, 1, sizeof buf, f);
		fclose(f);
		for (size_t k = 0; k <= n; k++) /* and each beginning of it */
			LLVMFuzzerTestOneInput(buf, k);
	}
	return 0;
}
#endif
