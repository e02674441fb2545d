# What configure finds out about this machine, one macro a subject; WSD_SUMMARY says it at the end and leaves it in
# config.h for `wsd --version --verbose`.

AC_DEFUN([WSD_FLAGS], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors (default: no)])],
		[], [enable_werror=no])
	WSD_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef -Wno-unused-parameter -fno-common"
	AS_IF([test "x$enable_werror" = xyes], [WSD_CFLAGS="$WSD_CFLAGS -Werror"])
	AC_SUBST([WSD_CFLAGS])
])

AC_DEFUN([WSD_LIBRARIES], [
	PKG_CHECK_MODULES([LWS], [libwebsockets >= 4.1.6])
	PKG_CHECK_MODULES([UV], [libuv >= 1.44])
	PKG_CHECK_MODULES([MHD], [libmicrohttpd >= 0.9.75])
	PKG_CHECK_MODULES([JSONC], [json-c >= 0.16])
	PKG_CHECK_MODULES([SYSTEMD], [libsystemd >= 252])
	PKG_CHECK_MODULES([CURL], [libcurl >= 7.88])
	PKG_CHECK_MODULES([CRYPTO], [libcrypto >= 3.0])
	AC_CHECK_HEADER([uthash.h], [], [AC_MSG_ERROR([uthash.h is missing: install uthash-dev])])
	AC_SEARCH_LIBS([pthread_create], [pthread], [], [AC_MSG_ERROR([no pthreads])])
	lws_version=`$PKG_CONFIG --modversion libwebsockets`
	uv_version=`$PKG_CONFIG --modversion libuv`
	mhd_version=`$PKG_CONFIG --modversion libmicrohttpd`
	systemd_version=`$PKG_CONFIG --modversion libsystemd`
])

# What AUTH=jwt needs. libjwt 2 and later have another API.
AC_DEFUN([WSD_TOKENS], [
	AC_ARG_WITH([jwt],
		[AS_HELP_STRING([--with-jwt=auto|yes|no], [let clients be asked for signed tokens (default: auto)])],
		[], [with_jwt=auto])
	have_jwt=no
	AS_IF([test "x$with_jwt" != xno],
		[PKG_CHECK_MODULES([JWT], [libjwt >= 1.10.2 libjwt < 2 libcrypto >= 3.0], [have_jwt=yes],
			[AS_IF([test "x$with_jwt" = xyes], [AC_MSG_ERROR([--with-jwt needs libjwt 1.x and OpenSSL 3])])])])
	jwt_version=no
	AS_IF([test "x$have_jwt" = xyes],
		[AC_DEFINE([HAVE_LIBJWT], [1], [tokens can be verified])
		jwt_version=`$PKG_CONFIG --modversion libjwt`])
	AM_CONDITIONAL([JWT], [test "x$have_jwt" = xyes])
])

AC_DEFUN([WSD_TESTS], [
	AC_ARG_ENABLE([unit-tests],
		[AS_HELP_STRING([--enable-unit-tests=auto|yes|no], [build the unit tests, which need cmocka (default: auto)])],
		[], [enable_unit_tests=auto])
	have_cmocka=no
	AS_IF([test "x$enable_unit_tests" != xno],
		[PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1.5], [have_cmocka=yes],
			[AS_IF([test "x$enable_unit_tests" = xyes], [AC_MSG_ERROR([--enable-unit-tests needs cmocka])])])])
	AM_CONDITIONAL([UNIT_TESTS], [test "x$have_cmocka" = xyes])
])

AC_DEFUN([WSD_SANITIZER], [
	AC_ARG_WITH([sanitizer],
		[AS_HELP_STRING([--with-sanitizer=LIST], [build with these sanitizers: address,undefined or thread])],
		[], [with_sanitizer=no])
	AS_CASE([$with_sanitizer],
		[no], [SANITIZER_CFLAGS=],
		[yes|""], [AC_MSG_ERROR([--with-sanitizer needs a list, such as address,undefined])],
		[SANITIZER_CFLAGS="-fsanitize=$with_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"])
	AC_SUBST([SANITIZER_CFLAGS])
	AC_SUBST([with_sanitizer])
	AM_CONDITIONAL([SANITIZED], [test "x$with_sanitizer" != xno])
])

AC_DEFUN([WSD_FUZZING], [
	AC_ARG_ENABLE([fuzzing],
		[AS_HELP_STRING([--enable-fuzzing], [build the fuzz targets with libFuzzer; needs CC=clang (default: only replay the corpora)])],
		[], [enable_fuzzing=no])
	FUZZ_CFLAGS=
	AS_IF([test "x$enable_fuzzing" = xyes], [FUZZ_CFLAGS="-fsanitize=fuzzer-no-link"])
	AC_SUBST([FUZZ_CFLAGS])
	AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
])

AC_DEFUN([WSD_SUMMARY], [
	cat <<EOT

	$PACKAGE $VERSION
	compiler           $CC $CFLAGS
	libwebsockets      $lws_version
	libuv              $uv_version
	libmicrohttpd      $mhd_version
	libsystemd         $systemd_version
	tokens by libjwt   $jwt_version
	wsload with TLS    $have_openssl
	unit tests         $have_cmocka
	sanitizer          $with_sanitizer
	fuzzing            $enable_fuzzing

EOT
])

# The same facts for the binary. Nothing that differs between two builds of one source (no path, no date) goes in.
AC_DEFUN([WSD_RECORD], [
	AC_DEFINE_UNQUOTED([WSD_FEATURES],
		["libwebsockets $lws_version\nlibuv $uv_version\nlibmicrohttpd $mhd_version\nlibsystemd $systemd_version\nlibjwt $jwt_version\nsanitizer $with_sanitizer\nfuzzing $enable_fuzzing\n"],
		[what configure found, for --version --verbose])
])
