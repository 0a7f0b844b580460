################################################################################
#
# camswarmd
#
################################################################################

CAMSWARMD_VERSION = 0.1.0
CAMSWARMD_SOURCE = camswarm-$(CAMSWARMD_VERSION).tar.gz
CAMSWARMD_SITE = https://example.invalid/camswarm
CAMSWARMD_LICENSE = Apache-2.0 or MIT
CAMSWARMD_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
CAMSWARMD_GOMOD = camswarm
CAMSWARMD_BUILD_TARGETS = cmd/camswarmd
CAMSWARMD_LDFLAGS = -X main.release=v$(CAMSWARMD_VERSION)
CAMSWARMD_GO_ENV = CGO_ENABLED=0

define CAMSWARMD_INSTALL_HOOKS
	$(INSTALL) -D -m 0644 $(@D)/deploy/camswarmd.toml \
		$(TARGET_DIR)/etc/camswarm/camswarmd.toml
	$(INSTALL) -d $(TARGET_DIR)/usr/lib/camswarm/hooks/write \
		$(TARGET_DIR)/usr/lib/camswarm/hooks/boot
	$(INSTALL) -m 0755 $(@D)/deploy/hooks/ab $(@D)/deploy/hooks/mender \
		$(TARGET_DIR)/usr/lib/camswarm/hooks
	$(INSTALL) -m 0644 $(@D)/deploy/hooks/lib.sh \
		$(TARGET_DIR)/usr/lib/camswarm/hooks
	$(INSTALL) -m 0644 $(@D)/deploy/hooks/write/*.sh \
		$(TARGET_DIR)/usr/lib/camswarm/hooks/write
	$(INSTALL) -m 0644 $(@D)/deploy/hooks/boot/*.sh \
		$(TARGET_DIR)/usr/lib/camswarm/hooks/boot
endef
CAMSWARMD_POST_INSTALL_TARGET_HOOKS += CAMSWARMD_INSTALL_HOOKS

define CAMSWARMD_USERS
	camswarm -1 camswarm -1 * /var/lib/camswarm - - camswarm
endef

define CAMSWARMD_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/deploy/sysv/S90camswarmd \
		$(TARGET_DIR)/etc/init.d/S90camswarmd
endef

define CAMSWARMD_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/deploy/systemd/camswarmd.service \
		$(TARGET_DIR)/usr/lib/systemd/system/camswarmd.service
endef

$(eval $(golang-package))
