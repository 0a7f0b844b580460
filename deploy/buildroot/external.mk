include $(sort $(wildcard $(BR2_EXTERNAL_CAMSWARM_PATH)/package/*/*.mk))
