SUMMARY = "Firmware for and from neighbouring cameras"
DESCRIPTION = "One node of a swarm by which cameras fetch firmware from each \
other and from seeds, check it, serve it to their neighbours, and install it."
HOMEPAGE = "https://example.invalid/camswarm"
SECTION = "net"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://src/${GO_IMPORT}/LICENSE-APACHE;md5=86d3f3a95c324c9479bd8986968f4327 \
                    file://src/${GO_IMPORT}/LICENSE-MIT;md5=9c1784e30552f996b08c00bd434e6d56"
CVE_PRODUCT = "camswarm:camswarm"

DEPENDS = "ca-certificates-native"

SRC_URI = "git://example.invalid/camswarm;protocol=https;branch=main;destsuffix=${GO_SRCURI_DESTSUFFIX}"
SRCREV = "${AUTOREV}"

GO_IMPORT = "camswarm"
GO_INSTALL = "${GO_IMPORT}/cmd/camswarmd"

inherit go-mod systemd useradd update-rc.d

export CGO_ENABLED = "0"

SYSTEMD_SERVICE:${PN} = "camswarmd.service"
INITSCRIPT_NAME = "camswarmd"
USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --user-group --home-dir ${localstatedir}/lib/camswarm --no-create-home --shell /sbin/nologin camswarm"

# bitbake's go-mod class fetches modules while it compiles.
do_compile[network] = "1"

do_install:append() {
    deploy=${S}/src/${GO_IMPORT}/deploy
    install -D -m 0644 $deploy/camswarmd.toml ${D}${sysconfdir}/camswarm/camswarmd.toml
    install -D -m 0644 $deploy/systemd/camswarmd.service ${D}${systemd_system_unitdir}/camswarmd.service
    install -D -m 0755 $deploy/sysv/S90camswarmd ${D}${sysconfdir}/init.d/camswarmd
    install -d ${D}${nonarch_libdir}/camswarm/hooks/write ${D}${nonarch_libdir}/camswarm/hooks/boot
    install -m 0755 $deploy/hooks/ab $deploy/hooks/mender ${D}${nonarch_libdir}/camswarm/hooks
    install -m 0644 $deploy/hooks/lib.sh ${D}${nonarch_libdir}/camswarm/hooks
    install -m 0644 $deploy/hooks/write/*.sh ${D}${nonarch_libdir}/camswarm/hooks/write
    install -m 0644 $deploy/hooks/boot/*.sh ${D}${nonarch_libdir}/camswarm/hooks/boot
}

FILES:${PN} += "${systemd_system_unitdir} ${nonarch_libdir}/camswarm"
CONFFILES:${PN} = "${sysconfdir}/camswarm/camswarmd.toml"

RDEPENDS:${PN} = "ca-certificates"
